# embed.cmake - cmake -DSCHEMA=... -DOUT=... -P embed.cmake: the schema as C, for pktmod schema.
file(READ ${SCHEMA} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUT}.new "/* Made of rules/schema/pktmod.schema.json by rules/schema/embed.cmake. */
#include \"rules/rules.h\"

static const unsigned char text[] = {
    ${hex}
    0};

const char *pm_rules_schema(size_t *len)
{
    *len = sizeof text - 1;
    return (const char *)text;
}
")
file(RENAME ${OUT}.new ${OUT})
