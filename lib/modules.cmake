# Functions that the whole tree uses: compiler options, modules, kinds tables, embedded files, tests.

add_library(everseal_options INTERFACE)
target_compile_options(everseal_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-align -Wformat=2 -fstack-protector-strong -fno-omit-frame-pointer
  $<$<CONFIG:RelWithDebInfo>:-g1>  # lines for a stack trace; all of it costs a quarter of the time
  $<$<BOOL:${EVERSEAL_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
  # Once its header is precompiled, g++ 12 takes what std::string does with a short text for a write beyond it, and a
  # variant's other alternatives for uninitialized ones.
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-maybe-uninitialized>"
  $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-designated-field-initializers>)
target_compile_definitions(everseal_options INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
if(NOT EVERSEAL_SANITIZE)
  target_compile_definitions(everseal_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
target_include_directories(everseal_options INTERFACE "${PROJECT_SOURCE_DIR}/lib")
if(EVERSEAL_SANITIZE)
  target_compile_options(everseal_options INTERFACE -fsanitize=${EVERSEAL_SANITIZE} -fno-sanitize-recover=all
    # What is tested is looked at for undefined behaviour, and what tests it need not be: that is a quarter of the time
    # to compile it.
    $<$<BOOL:$<TARGET_PROPERTY:EVERSEAL_TESTS_OTHERS>>:-fno-sanitize=undefined>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # it takes the sanitizers' own code for a use
  # Each place that is looked at has a record with pointers: millions to relocate at each start of a program that may lie
  # anywhere, and pages to copy at each fork.
  target_compile_options(everseal_options INTERFACE -fno-pie)
  target_link_options(everseal_options INTERFACE -fsanitize=${EVERSEAL_SANITIZE} -no-pie)
endif()
target_link_options(everseal_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)

# Half of a file's compile time goes into the headers that all include. A target precompiles them, with those of ours that
# it needs most (HEADERS), or takes those of a target that does (FROM) and differs in no option or definition that they see.
# -DEVERSEAL_PCH=OFF shows what a file forgot to include.
option(EVERSEAL_PCH "precompile the headers that every file includes" ON)
set(everseal_common_headers <algorithm> <chrono> <cstdint> <functional> <map> <memory> <optional> <span> <string>
  <string_view> <utility> <vector> <fmt/format.h>)
function(everseal_precompile target)
  cmake_parse_arguments(arg "" "FROM" "HEADERS" ${ARGN})
  if(NOT EVERSEAL_PCH)
    return()
  endif()
  if(arg_FROM)
    target_precompile_headers(${target} REUSE_FROM ${arg_FROM})
  else()
    target_precompile_headers(${target} PRIVATE ${everseal_common_headers} ${arg_HEADERS})
  endif()
endfunction()

# Several files compiled as one: what they include is read once, and what they instantiate is compiled once. So what files
# of one kind each define bears the file's name (`open_files`, `kFilesOptions`). Coroutines stay alone, as g++ 12 gets
# their warnings wrong; so does everything without the option, which shows what a file forgot to include.
option(EVERSEAL_UNITY "compile several files as one" ON)
set_property(GLOBAL PROPERTY everseal_alone "/net/[^/]*$")
function(everseal_unite target)
  if(NOT EVERSEAL_UNITY)
    return()
  endif()
  get_property(alone GLOBAL PROPERTY everseal_alone)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "${alone}")
  set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
endfunction()

# everseal_module(NAME [LINK target...] [HEADERS header...]): the static library of lib/NAME, made of every .cpp below it.
# With HEADERS it precompiles its own, else it takes those of base.
function(everseal_module name)
  cmake_parse_arguments(arg "" "" "LINK;HEADERS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  if(NOT sources)  # a module whose first file is still to come
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE everseal_options ${arg_LINK})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC everseal_options ${arg_LINK})
  everseal_unite(${name})
  if(name STREQUAL "base" OR arg_HEADERS)
    everseal_precompile(${name} HEADERS ${arg_HEADERS})
  else()
    everseal_precompile(${name} FROM base)
  endif()
endfunction()

# everseal_kinds(TARGET DIRECTORY INCLUDE TYPE FUNCTION [SUFFIX]): writes and adds a source that defines
#   std::span<const TYPE* const> FUNCTION();
# over every DIRECTORY/*.cpp, each of which defines `extern const TYPE <stem>_kind` (or _SUFFIX), sorted by name.
# TYPE and FUNCTION are fully qualified below everseal:: (for example deploy::Kind, deploy::kinds).
function(everseal_kinds target directory include type function)
  set(suffix kind)
  if(ARGC GREATER 5)
    set(suffix "${ARGV5}")
  endif()
  file(GLOB files CONFIGURE_DEPENDS RELATIVE "${directory}" "${directory}/*.cpp")
  list(SORT files)
  string(REGEX REPLACE "::[^:]*$" "" namespace "${function}")
  string(REGEX REPLACE "^.*::" "" name "${function}")
  set(declarations "")
  set(entries "")
  foreach(file IN LISTS files)
    get_filename_component(stem "${file}" NAME_WE)
    string(APPEND declarations "extern const ${type} ${stem}_${suffix};\n")
    string(APPEND entries "    &${stem}_${suffix},\n")
  endforeach()
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${target}_${name}_table.cpp")
  file(CONFIGURE OUTPUT "${output}" @ONLY CONTENT
"// Generated from the files of a folder of kinds; do not edit.
#include \"@include@\"
#include <span>
namespace everseal::@namespace@ {
@declarations@std::span<const @type@* const> @name@() {
  static constexpr const @type@* table[] = {
@entries@  };
  return table;
}
}  // namespace everseal::@namespace@
")
  get_target_property(kind ${target} TYPE)
  if(NOT kind STREQUAL "INTERFACE_LIBRARY")
    target_sources(${target} PRIVATE "${output}")
  endif()
endfunction()

# everseal_embed(TARGET INCLUDE FUNCTION file...): writes and adds a source that defines
#   std::span<const base::EmbeddedFile> FUNCTION();
# over the text of each file, in the order given.
function(everseal_embed target function)
  string(REGEX REPLACE "::[^:]*$" "" namespace "${function}")
  string(REGEX REPLACE "^.*::" "" name "${function}")
  set(entries "")
  foreach(file IN LISTS ARGN)
    get_filename_component(stem "${file}" NAME)
    file(READ "${file}" text)
    string(APPEND entries "    {\"${stem}\", R\"~embedded~(${text})~embedded~\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  endforeach()
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${target}_${name}_embedded.cpp")
  file(GENERATE OUTPUT "${output}" CONTENT
"// Generated from files of the source tree; do not edit.
#include \"base/embedded.h\"
#include <span>
namespace everseal::${namespace} {
std::span<const base::EmbeddedFile> ${name}() {
  static constexpr base::EmbeddedFile table[] = {
${entries}  };
  return table;
}
}  // namespace everseal::${namespace}
")
  get_target_property(kind ${target} TYPE)
  if(NOT kind STREQUAL "INTERFACE_LIBRARY")
    target_sources(${target} PRIVATE "${output}")
  endif()
endfunction()
