# Names that do not exist, found by this program only.
target_sources(unit_probe PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../net/fake_names.cc)
target_link_libraries(unit_probe PRIVATE ${CMAKE_DL_LIBS})
