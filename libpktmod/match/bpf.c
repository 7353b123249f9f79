/* bpf.c - running classic BPF programs. Opcodes: McCanne, Jacobson, "The BSD Packet Filter" (1993),
 * with MOD and XOR as libpcap has them. */
#include "match/bpf.h"

#include "base/bytes.h"

/* An opcode is class | size | mode for loads, class | operation | source for the others. */
enum op_class { LD = 0, LDX = 1, ST = 2, STX = 3, ALU = 4, JMP = 5, RET = 6, MISC = 7 };
enum op_size { W = 0x00, H = 0x08, B = 0x10 };
enum op_mode { IMM = 0x00, ABS = 0x20, IND = 0x40, MEM = 0x60, LEN = 0x80, MSH = 0xa0 };
enum op_source { K = 0x00, X = 0x08, A = 0x10 };
enum op_alu {
    ADD = 0x00,
    SUB = 0x10,
    MUL = 0x20,
    DIV = 0x30,
    OR = 0x40,
    AND = 0x50,
    LSH = 0x60,
    RSH = 0x70,
    NEG = 0x80,
    MOD = 0x90,
    XOR = 0xa0
};
enum op_jump { JA = 0x00, JEQ = 0x10, JGT = 0x20, JGE = 0x30, JSET = 0x40 };
enum op_misc { TAX = 0x00, TXA = 0x80 };

#define SLOTS 16

static bool load_is_valid(const struct pm_bpf_insn *i)
{
    switch (i->code) {
    case LD | W | ABS:
    case LD | H | ABS:
    case LD | B | ABS:
        return i->k <= INT32_MAX; /* beyond stand the kernel's extensions */
    case LD | W | IND:
    case LD | H | IND:
    case LD | B | IND:
    case LD | IMM:
    case LD | LEN:
    case LDX | IMM:
    case LDX | LEN:
    case LDX | MSH | B:
        return true;
    case LD | MEM:
    case LDX | MEM:
    case ST:
    case STX:
        return i->k < SLOTS;
    }
    return false;
}

static bool alu_is_valid(const struct pm_bpf_insn *i)
{
    bool constant = (i->code & X) == 0;
    if (i->code & ~(0xf0 | X | 0x07))
        return false;
    switch (i->code & 0xf0) {
    case ADD:
    case SUB:
    case MUL:
    case OR:
    case AND:
    case XOR:
        return true;
    case DIV:
    case MOD:
        return !constant || i->k != 0;
    case LSH:
    case RSH:
        return !constant || i->k < 32;
    case NEG:
        return constant;
    }
    return false;
}

/* after: instructions that follow this one. */
static bool jump_is_valid(const struct pm_bpf_insn *i, size_t after)
{
    if (i->code == (JMP | JA))
        return i->k < after;
    if (i->code & ~(0xf0 | X | 0x07))
        return false;
    switch (i->code & 0xf0) {
    case JEQ:
    case JGT:
    case JGE:
    case JSET:
        return i->jt < after && i->jf < after;
    }
    return false;
}

static bool insn_is_valid(const struct pm_bpf_insn *i, size_t after)
{
    switch (i->code & 7) {
    case LD:
    case LDX:
    case ST:
    case STX:
        return load_is_valid(i);
    case ALU:
        return alu_is_valid(i);
    case JMP:
        return jump_is_valid(i, after);
    case RET:
        return i->code == (RET | K) || i->code == (RET | A);
    }
    return i->code == (MISC | TAX) || i->code == (MISC | TXA);
}

bool pm_bpf_is_valid(const struct pm_bpf_insn *insns, size_t count)
{
    if (count == 0 || (insns[count - 1].code & 7) != RET)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!insn_is_valid(&insns[i], count - 1 - i))
            return false;
    return true;
}

struct machine {
    const uint8_t *data;
    size_t len;
    uint32_t wire_len;
    uint32_t a, x;
    uint32_t slots[SLOTS];
};

/* Big-endian number at off into a; false: not inside the data. */
static bool load_packet(struct machine *m, uint16_t size, uint64_t off)
{
    size_t width = size == W ? 4 : size == H ? 2 : 1;
    if (off > m->len || width > m->len - off)
        return false;
    const uint8_t *p = m->data + off;
    m->a = size == W ? pm_get32(p) : size == H ? pm_get16(p) : *p;
    return true;
}

/* LD and LDX; false: the program ends with 0. */
static bool load(struct machine *m, const struct pm_bpf_insn *i)
{
    if (i->code == (LDX | MSH | B)) {
        if (i->k >= m->len)
            return false;
        m->x = (m->data[i->k] & 0xfu) << 2;
        return true;
    }
    uint16_t mode = i->code & 0xe0, size = i->code & 0x18;
    if (mode == ABS)
        return load_packet(m, size, i->k);
    if (mode == IND)
        return load_packet(m, size, (uint64_t)i->k + m->x);
    uint32_t value = mode == IMM ? i->k : mode == MEM ? m->slots[i->k] : m->wire_len;
    *((i->code & 7) == LD ? &m->a : &m->x) = value;
    return true;
}

/* False: a division by zero, which ends the program with 0. */
static bool compute(struct machine *m, const struct pm_bpf_insn *i)
{
    uint32_t operand = i->code & X ? m->x : i->k;
    switch (i->code & 0xf0) {
    case ADD:
        m->a += operand;
        break;
    case SUB:
        m->a -= operand;
        break;
    case MUL:
        m->a *= operand;
        break;
    case DIV:
    case MOD:
        if (operand == 0)
            return false;
        m->a = (i->code & 0xf0) == DIV ? m->a / operand : m->a % operand;
        break;
    case OR:
        m->a |= operand;
        break;
    case AND:
        m->a &= operand;
        break;
    case XOR:
        m->a ^= operand;
        break;
    case LSH:
        m->a = operand < 32 ? m->a << operand : 0;
        break;
    case RSH:
        m->a = operand < 32 ? m->a >> operand : 0;
        break;
    case NEG:
        m->a = 0 - m->a;
        break;
    }
    return true;
}

/* How many instructions to leave out. */
static uint32_t jump(const struct machine *m, const struct pm_bpf_insn *i)
{
    uint32_t operand = i->code & X ? m->x : i->k;
    bool yes = false;
    switch (i->code & 0xf0) {
    case JA:
        return i->k;
    case JEQ:
        yes = m->a == operand;
        break;
    case JGT:
        yes = m->a > operand;
        break;
    case JGE:
        yes = m->a >= operand;
        break;
    case JSET:
        yes = (m->a & operand) != 0;
        break;
    }
    return yes ? i->jt : i->jf;
}

uint32_t pm_bpf_run(const struct pm_bpf_insn *insns, const uint8_t *data, size_t len,
                    size_t wire_len)
{
    struct machine m = {.data = data, .len = len, .wire_len = (uint32_t)wire_len};
    for (const struct pm_bpf_insn *i = insns;; i++)
        switch (i->code & 7) {
        case LD:
        case LDX:
            if (!load(&m, i))
                return 0;
            break;
        case ST:
            m.slots[i->k] = m.a;
            break;
        case STX:
            m.slots[i->k] = m.x;
            break;
        case ALU:
            if (!compute(&m, i))
                return 0;
            break;
        case JMP:
            i += jump(&m, i);
            break;
        case RET:
            return i->code == (RET | K) ? i->k : m.a;
        case MISC:
            *(i->code == (MISC | TAX) ? &m.x : &m.a) = i->code == (MISC | TAX) ? m.a : m.x;
            break;
        }
}
