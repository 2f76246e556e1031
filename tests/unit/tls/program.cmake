# These tests make certificates and odd peers with BoringSSL itself.
target_sources(unit_tls PRIVATE ${CMAKE_CURRENT_LIST_DIR}/certificates.cc ${CMAKE_CURRENT_LIST_DIR}/tls_pair.cc)
target_link_libraries(unit_tls PRIVATE BoringSSL::SSL BoringSSL::Crypto)
