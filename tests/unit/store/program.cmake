# Stores are asked as workers ask them, from loops; Redis also over TLS.
target_sources(
  unit_store PRIVATE ${CMAKE_CURRENT_LIST_DIR}/record_store_kits.cc ${CMAKE_CURRENT_LIST_DIR}/redis_server.cc
                     ${CMAKE_CURRENT_LIST_DIR}/../tls/certificates.cc)
target_link_libraries(unit_store PRIVATE gatepost_net gatepost_tls BoringSSL::SSL BoringSSL::Crypto)
