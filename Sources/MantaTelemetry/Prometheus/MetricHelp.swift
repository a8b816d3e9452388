/// What Manta's metrics mean, for those who read them.
public enum MetricHelp {
    /// The help text of each metric, by its name.
    public static let texts = [
        "manta_http_requests_total": "Replies by listener and status, probes included.",
        "manta_grpc_requests_total": "Calls over gRPC by method and status, probes included.",
        "manta_requests_total": "Inference requests by model, version and outcome.",
        "manta_request_duration_seconds": "From a request's arrival until its reply was encoded.",
        "manta_queue_duration_seconds": "From admission until a batch took the request.",
        "manta_batch_duration_seconds": "Putting one batch together and taking its results apart.",
        "manta_run_duration_seconds": "The engine's run of one batch.",
        "manta_encode_duration_seconds": "Writing one reply.",
        "manta_batch_rows": "Rows of one batch.",
        "manta_batch_positions_total": "Positions of padded inputs, rows times length, by kind: input or padding.",
        "manta_cache_bytes": "Memory that the answers in the response cache take, with what was asked.",
        "manta_cache_evictions_total": "Answers that had to go for others, or since their time was over.",
        "manta_cache_hits_total": "Requests that had an answer in the response cache, or soon.",
        "manta_cache_misses_total": "Requests that had none in the response cache.",
        "manta_queue_requests": "Requests that wait for a replica.",
        "manta_model_ready": "1 if the version takes requests.",
        "manta_update_halted": "1 if an update failed and what served before goes on.",
        "manta_replicas": "Replicas by state.",
        "manta_replica_threads": "Threads within each run.",
        "manta_replica_restarts_total": "Replicas that were started in the place of one that broke.",
        "manta_traces_dropped_total": "Traces that weren't written, since the disk didn't keep up.",
        "process_cpu_seconds_total": "CPU time used.",
        "process_max_fds": "Files and sockets that may be open.",
        "process_open_fds": "Open files and sockets.",
        "process_resident_memory_bytes": "Memory in use.",
        "process_start_time_seconds": "When the process started, in seconds after the beginning of 1970 in UTC.",
        "process_threads": "Threads.",
        "process_virtual_memory_bytes": "Memory that has an address, in use or not.",
    ]
}
