# Finds libre2 and defines Re2::Re2.
include(FindPlainLibrary)
gatepost_find_library(Re2 re2/re2.h re2)
