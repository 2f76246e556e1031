# Tests of what a process gives up fork one that starts threads.
set_tests_properties(unit_process PROPERTIES ENVIRONMENT "TSAN_OPTIONS=die_after_fork=0")
