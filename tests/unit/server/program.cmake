# The same certificates as those of the TLS tests.
target_sources(unit_server PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../tls/certificates.cc)
target_link_libraries(unit_server PRIVATE BoringSSL::SSL BoringSSL::Crypto)
# A test that is killed in the middle forks a process that starts threads.
set_tests_properties(unit_server PROPERTIES ENVIRONMENT "TSAN_OPTIONS=die_after_fork=0")
