# The compile options that every target of the project shares.
add_library(bld_options INTERFACE)
target_compile_options(bld_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns of an overlap in std::string that is none (GCC bug 105651).
  target_compile_options(bld_options INTERFACE -Wno-restrict)
endif()
target_compile_definitions(bld_options INTERFACE _FILE_OFFSET_BITS=64)
target_include_directories(bld_options INTERFACE ${PROJECT_SOURCE_DIR})
if(BLD_WERROR)
  target_compile_options(bld_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(bld_options INTERFACE -Wthread-safety)
endif()
if(BLD_SANITIZE)
  target_compile_options(bld_options INTERFACE -fsanitize=${BLD_SANITIZE} -fno-sanitize-recover=all
                                               -fno-omit-frame-pointer)
  target_link_options(bld_options INTERFACE -fsanitize=${BLD_SANITIZE})
endif()
if(BLD_FUZZ)
  target_compile_options(bld_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(BUILD_SHARED_LIBS AND NOT BLD_SANITIZE)
  # An undeclared dependency fails to link; static archives would hide it.
  target_link_options(bld_options INTERFACE -Wl,-z,defs)
endif()

# bld_module(NAME SOURCES a.cc … [PUBLIC lib …] [PRIVATE lib …])
# A folder as the library bld::NAME. PUBLIC is what its headers show, PRIVATE what one .cc wraps.
function(bld_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(bld_${name} ${ARG_SOURCES})
  add_library(bld::${name} ALIAS bld_${name})
  target_link_libraries(bld_${name} PUBLIC bld_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# bld_test(NAME SOURCES a_test.cc … LIBS lib …): one test program a module.
function(bld_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE bld_options ${ARG_LIBS} GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 300)
endfunction()

# bld_fuzzer(NAME SOURCES x_fuzz.cc LIBS lib …): a libFuzzer program named NAME_fuzz.
function(bld_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_fuzz ${ARG_SOURCES})
  target_link_libraries(${name}_fuzz PRIVATE bld_options ${ARG_LIBS})
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
endfunction()
