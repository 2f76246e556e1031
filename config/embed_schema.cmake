# cmake -DINPUT=schema.json -DOUTPUT=schema.cc -P embed_schema.cmake
file(READ "${INPUT}" text)
if(text MATCHES "\\)schema\"")
  message(FATAL_ERROR "${INPUT} contains the end mark of its raw string")
endif()
file(
  WRITE "${OUTPUT}"
  "#include \"config/load.h\"\n\n"
  "std::string_view gatepost::config::schema() {\n  return R\"schema("
  "${text}"
  ")schema\";\n}\n")
