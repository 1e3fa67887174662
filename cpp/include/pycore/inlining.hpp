// Kernels are inlined whole, so that no function of theirs is left for the linker to share.
#pragma once

#define PYCORE_INLINE __attribute__((always_inline)) inline
