print("manta")
