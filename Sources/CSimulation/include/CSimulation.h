#pragma once

/// Hands every job of Swift's global executor to `take`, from now on and for the whole process.
void simulation_take_jobs(void (*take)(void *job));
