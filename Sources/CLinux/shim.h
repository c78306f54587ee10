#pragma once
// Calls of Linux that the Swift module Glibc leaves out: glibc declares them only under _GNU_SOURCE.
#if defined(__linux__)
#include <sys/types.h>

int sync_file_range(int descriptor, off_t offset, off_t count, unsigned int flags);

// Start writing what is dirty in a range, do not wait.
static const unsigned int tributary_start_writing = 2;
#endif
