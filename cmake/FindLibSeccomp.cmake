# Finds libseccomp and defines LibSeccomp::LibSeccomp.
include(FindPlainLibrary)
gatepost_find_library(LibSeccomp seccomp.h seccomp)
