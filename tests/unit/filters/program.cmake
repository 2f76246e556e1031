# A second opinion about the parts of messages: GMime.
find_package(PkgConfig REQUIRED)
pkg_check_modules(GMime REQUIRED IMPORTED_TARGET gmime-3.0)
target_sources(unit_filters PRIVATE ${CMAKE_CURRENT_LIST_DIR}/message/gmime_reader.cc
                                    ${CMAKE_CURRENT_LIST_DIR}/message/mail_maker.cc)
target_link_libraries(unit_filters PRIVATE PkgConfig::GMime)
target_compile_definitions(unit_filters PRIVATE GATEPOST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
