# Names that do not exist, found by this program only.
target_sources(unit_net PRIVATE ${CMAKE_CURRENT_LIST_DIR}/fake_names.cc)
target_link_libraries(unit_net PRIVATE ${CMAKE_DL_LIBS})
