# The same certificates as those of the TLS tests.
target_sources(unit_server PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../tls/certificates.cc)
target_link_libraries(unit_server PRIVATE BoringSSL::SSL BoringSSL::Crypto)
# Tests of what a process gives up fork one that starts threads.
set_tests_properties(unit_server PROPERTIES ENVIRONMENT "TSAN_OPTIONS=die_after_fork=0")
