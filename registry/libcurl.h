// The functions of libcurl, which is loaded when the first of them is called.
#pragma once

#include <curl/curl.h>

#include "base/lazy_library.h"

namespace bld::registry::curl {

inline base::LazyLibrary library("libcurl.so.4", "libcurl4");

inline base::LazyFunction<decltype(::curl_global_init)> global_init(library, "curl_global_init");
inline base::LazyFunction<decltype(::curl_getdate)> getdate(library, "curl_getdate");
inline base::LazyFunction<decltype(::curl_easy_init)> easy_init(library, "curl_easy_init");
inline base::LazyFunction<decltype(::curl_easy_cleanup)> easy_cleanup(library, "curl_easy_cleanup");
inline base::LazyFunction<CURLcode(CURL*, CURLoption, ...)> easy_setopt(library,
                                                                        "curl_easy_setopt");
inline base::LazyFunction<CURLcode(CURL*, CURLINFO, ...)> easy_getinfo(library,
                                                                       "curl_easy_getinfo");
inline base::LazyFunction<decltype(::curl_easy_pause)> easy_pause(library, "curl_easy_pause");
inline base::LazyFunction<decltype(::curl_easy_strerror)> easy_strerror(library,
                                                                        "curl_easy_strerror");
inline base::LazyFunction<decltype(::curl_multi_init)> multi_init(library, "curl_multi_init");
inline base::LazyFunction<decltype(::curl_multi_cleanup)> multi_cleanup(library,
                                                                        "curl_multi_cleanup");
inline base::LazyFunction<decltype(::curl_multi_add_handle)> multi_add_handle(
    library, "curl_multi_add_handle");
inline base::LazyFunction<decltype(::curl_multi_remove_handle)> multi_remove_handle(
    library, "curl_multi_remove_handle");
inline base::LazyFunction<decltype(::curl_multi_perform)> multi_perform(library,
                                                                        "curl_multi_perform");
inline base::LazyFunction<decltype(::curl_multi_poll)> multi_poll(library, "curl_multi_poll");
inline base::LazyFunction<decltype(::curl_multi_info_read)> multi_info_read(library,
                                                                            "curl_multi_info_read");
inline base::LazyFunction<decltype(::curl_slist_append)> slist_append(library, "curl_slist_append");
inline base::LazyFunction<decltype(::curl_slist_free_all)> slist_free_all(library,
                                                                          "curl_slist_free_all");

}  // namespace bld::registry::curl
