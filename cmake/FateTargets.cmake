# One helper per kind of target, and the check that libraries only look downwards.
#
# fate_library(NAME n FLOOR f SOURCES ... [DEPS fate libraries] [EXTERNAL targets])
# fate_binary(NAME n SOURCES ... [DEPS ...] [EXTERNAL ...])      services and tools
# fate_test(NAME n SOURCES ... [DEPS ...] [EXTERNAL ...] [TIMEOUT seconds] [LABELS ...])
# fate_bench(NAME n SOURCES ... [DEPS ...])
# fate_fuzz(NAME n SOURCES ... [DEPS ...])  also built as an ordinary test that replays its corpus
#
# DEPS names libraries without prefix: DEPS base wire. A library may only name
# libraries of a lower floor; fate_check_floors() refuses anything else.
include(CMakeParseArguments)

add_library(fate_options INTERFACE)
target_compile_options(fate_options INTERFACE -Wall -Wextra -Wno-missing-field-initializers)
# GCC 12 sees overlaps in std::string's operator+ that are not there (its bug 105651).
target_compile_options(fate_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(FATE_WERROR)
  target_compile_options(fate_options INTERFACE -Werror)
endif()
if(FATE_SANITIZE MATCHES "thread")
  target_compile_options(fate_options INTERFACE -Wno-tsan)  # Boost.Asio uses a fence
endif()
if(FATE_SANITIZE)
  # GCC's flow analysis loses its way among the checks (its manual says so of -fsanitize).
  target_compile_options(fate_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_compile_options(-fsanitize=${FATE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FATE_SANITIZE})
endif()
target_include_directories(fate_options INTERFACE ${CMAKE_SOURCE_DIR}/libs)

set_property(GLOBAL PROPERTY FATE_LIBRARIES "")

function(_fate_link target deps external)
  target_link_libraries(${target} PUBLIC fate_options)
  foreach(dep ${deps})
    target_link_libraries(${target} PUBLIC fate_${dep})
  endforeach()
  target_link_libraries(${target} PUBLIC ${external})
endfunction()

function(fate_library)
  cmake_parse_arguments(ARG "" "NAME;FLOOR" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  add_library(fate_${ARG_NAME} STATIC ${ARG_SOURCES})
  _fate_link(fate_${ARG_NAME} "${ARG_DEPS}" "${ARG_EXTERNAL}")
  set_property(GLOBAL APPEND PROPERTY FATE_LIBRARIES ${ARG_NAME})
  set_property(GLOBAL PROPERTY FATE_FLOOR_${ARG_NAME} ${ARG_FLOOR})
  set_property(GLOBAL PROPERTY FATE_DEPS_${ARG_NAME} "${ARG_DEPS}")
endfunction()

function(fate_binary)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  _fate_link(${ARG_NAME} "${ARG_DEPS}" "${ARG_EXTERNAL}")
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/services)
endfunction()

function(fate_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;DEPS;EXTERNAL;LABELS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  _fate_link(${ARG_NAME} "${ARG_DEPS}" "${ARG_EXTERNAL};GTest::gmock;GTest::gtest;GTest::gtest_main")
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/services)
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(FATE_SANITIZE)
    math(EXPR ARG_TIMEOUT "5 * ${ARG_TIMEOUT}")
  endif()
  set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if(FATE_SANITIZE MATCHES "thread")
    set_tests_properties(${ARG_NAME} PROPERTIES ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1 suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
  endif()
endfunction()

function(fate_bench)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  add_executable(${ARG_NAME} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  _fate_link(${ARG_NAME} "${ARG_DEPS}" "${ARG_EXTERNAL};benchmark::benchmark")
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()

# A fuzzer defines LLVMFuzzerTestOneInput. With FATE_FUZZ it becomes a libFuzzer
# program; without, a test that runs every file of testdata/<NAME>_corpus through it.
function(fate_fuzz)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  if(FATE_FUZZ)
    add_executable(${ARG_NAME} ${ARG_SOURCES})
    target_compile_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer)
    target_link_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${ARG_NAME} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME ${ARG_NAME}_corpus
             COMMAND ${ARG_NAME} ${CMAKE_CURRENT_SOURCE_DIR}/testdata/${ARG_NAME}_corpus)
  endif()
  _fate_link(${ARG_NAME} "${ARG_DEPS}" "${ARG_EXTERNAL}")
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

function(fate_check_floors)
  get_property(libraries GLOBAL PROPERTY FATE_LIBRARIES)
  foreach(library ${libraries})
    get_property(floor GLOBAL PROPERTY FATE_FLOOR_${library})
    get_property(deps GLOBAL PROPERTY FATE_DEPS_${library})
    foreach(dep ${deps})
      get_property(dep_floor GLOBAL PROPERTY FATE_FLOOR_${dep})
      if(dep_floor STREQUAL "")
        message(FATAL_ERROR "library ${library} names unknown library ${dep}")
      endif()
      if(NOT dep_floor LESS floor)
        message(FATAL_ERROR "upward link: ${library} (floor ${floor}) may not use ${dep} (floor ${dep_floor}); "
                            "see docs/architecture.md")
      endif()
    endforeach()
  endforeach()
endfunction()
