#pragma once
// glibc's tuning calls, which the Swift module Glibc leaves out.
#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif
