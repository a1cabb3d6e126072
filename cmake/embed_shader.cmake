# Writes a SPIR-V binary as a C array of 32-bit words. cmake -DBINARY= -DHEADER= -DNAME= -P this
file(READ ${BINARY} hex HEX)
# little-endian words, eight to a line
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${hex}")
string(REGEX REPLACE "((0x[0-9a-f]+,){8})" "\\1\n" words "${words}")
file(WRITE ${HEADER} "static const uint32_t ${NAME}[] = {\n${words}\n};\n")
