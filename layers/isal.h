// The functions of ISA-L, which is loaded when the first of them is called.
#pragma once

#include <isa-l/igzip_lib.h>

#include "base/lazy_library.h"

namespace bld::layers::isal {

inline base::LazyLibrary library("libisal.so.2", "libisal2");

inline base::LazyFunction<decltype(::isal_inflate_init)> inflate_init(library, "isal_inflate_init");
inline base::LazyFunction<decltype(::isal_inflate_reset)> inflate_reset(library,
                                                                        "isal_inflate_reset");
inline base::LazyFunction<decltype(::isal_inflate)> inflate(library, "isal_inflate");

}  // namespace bld::layers::isal
