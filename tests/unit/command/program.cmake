# The same certificates as those of the TLS tests.
target_sources(unit_command PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../tls/certificates.cc)
target_link_libraries(unit_command PRIVATE BoringSSL::SSL BoringSSL::Crypto)
