#pragma once

/// How many times this process has allocated memory so far, by whatever function. Not for several threads.
unsigned long manta_allocations(void);
