import MantaCore
