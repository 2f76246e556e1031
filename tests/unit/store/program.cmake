# Stores are asked as workers ask them, from loops.
target_sources(unit_store PRIVATE ${CMAKE_CURRENT_LIST_DIR}/record_store_kits.cc)
target_link_libraries(unit_store PRIVATE gatepost_net)
