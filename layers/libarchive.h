// The functions of libarchive, which is loaded when the first of them is called.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/lazy_library.h"

namespace bld::layers::libarchive {

inline base::LazyLibrary library("libarchive.so.13", "libarchive13");

inline base::LazyFunction<decltype(::archive_read_new)> read_new(library, "archive_read_new");
inline base::LazyFunction<decltype(::archive_read_free)> read_free(library, "archive_read_free");
inline base::LazyFunction<decltype(::archive_read_support_filter_bzip2)> read_support_filter_bzip2(
    library, "archive_read_support_filter_bzip2");
inline base::LazyFunction<decltype(::archive_read_support_filter_xz)> read_support_filter_xz(
    library, "archive_read_support_filter_xz");
inline base::LazyFunction<decltype(::archive_read_support_format_raw)> read_support_format_raw(
    library, "archive_read_support_format_raw");
inline base::LazyFunction<decltype(::archive_read_open)> read_open(library, "archive_read_open");
inline base::LazyFunction<decltype(::archive_read_next_header)> read_next_header(
    library, "archive_read_next_header");
inline base::LazyFunction<decltype(::archive_read_data)> read_data(library, "archive_read_data");
inline base::LazyFunction<void(struct archive*, int, const char*, ...)> set_error(
    library, "archive_set_error");
inline base::LazyFunction<decltype(::archive_error_string)> error_string(library,
                                                                         "archive_error_string");

}  // namespace bld::layers::libarchive
