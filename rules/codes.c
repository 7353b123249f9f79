/* codes.c - the stable numbers of diagnostics. */
#include "codes.h"

const char *pmr_code_name(enum code code)
{
    static const char *const names[] = {
#define PMR_CODE_NAME(id, name, text) name,
        PMR_CODE_MAP(PMR_CODE_NAME)
#undef PMR_CODE_NAME
    };

    return names[code];
}

const char *pmr_code_meaning(enum code code)
{
    static const char *const meanings[] = {
#define PMR_CODE_MEANING(id, name, text) text,
        PMR_CODE_MAP(PMR_CODE_MEANING)
#undef PMR_CODE_MEANING
    };

    return meanings[code];
}
