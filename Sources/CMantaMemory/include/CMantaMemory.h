// Memory that was freed and that the allocator keeps.
#pragma once

// Gives back to the system what was freed of the memory that the calling thread took, if this process uses mimalloc.
//
// To be called by each thread that took much, once it has nothing to do: mimalloc keeps memory for the thread that took it,
// whoever freed it, until that thread frees more.
void manta_give_back_freed_memory(void);
