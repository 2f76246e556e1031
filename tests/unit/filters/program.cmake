# A second opinion about the parts of messages: GMime. Not its compiler flags: they define what the
# precompiled headers do not.
find_package(PkgConfig REQUIRED)
pkg_check_modules(GMime REQUIRED gmime-3.0)
target_sources(unit_filters PRIVATE ${CMAKE_CURRENT_LIST_DIR}/message/gmime_reader.cc
                                    ${CMAKE_CURRENT_LIST_DIR}/message/mail_maker.cc)
target_include_directories(unit_filters SYSTEM PRIVATE ${GMime_INCLUDE_DIRS})
target_link_libraries(unit_filters PRIVATE ${GMime_LINK_LIBRARIES})
target_compile_definitions(unit_filters PRIVATE GATEPOST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
