# Finds hiredis and defines Hiredis::Hiredis.
include(FindPlainLibrary)
gatepost_find_library(Hiredis hiredis/hiredis.h hiredis)
