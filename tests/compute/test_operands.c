/* What each operation says of its operands (size, access, what is used of a table) and of its cost,
 * whole: checks of plans, barriers and roofs follow from it on every device. */
#include "compute/verify/verify.h"
#include "support/expected.h"
#include "support/must.h"

enum { CASES = 3 };

static strbuf said;
static unsigned cases;

// in place of running the plan: its operations, of the first cases
static err tell(plan *p, const step_info *step) {
    if (cases++ >= CASES) return err_set(ERR_DEVICE, "enough is known of it");
    for (size_t i = 0; i < p->parts[PART_MICRO].count; i++) {
        op *o = &p->parts[PART_MICRO].ops[i];
        operand list[OPERANDS_MAX];
        size_t count = op_operands(o, list);
        op_cost cost = op_cost_of(o, step, 0);
        MUST(strbuf_printf(&said, "%s: %.0f flops, %.0f reals\n", op_name(o->kind), cost.flops,
                           cost.reals));
        for (size_t k = 0; k < count; k++)
            MUST(strbuf_printf(&said, "  %s %s%s %zu%s%s%s, %zu used%s\n", list[k].name,
                               list[k].access & ACCESS_READ ? "r" : "",
                               list[k].access & ACCESS_WRITE ? "w" : "", list[k].count,
                               list[k].is_real ? " reals" : "", list[k].is_kept ? ", kept" : "",
                               list[k].is_optional ? ", optional" : "", list[k].used,
                               span_given(*list[k].at) ? "" : ", absent"));
    }
    return ERR_OK;
}

CleanTest(plan, operands_and_costs_of_every_op) {
    device d;
    MUST(device_open_named(&d, "reference", NULL));
    const device_vtable *right = d.vtable;
    device_vtable telling = *right;
    telling.submit = tell;
    d.vtable = &telling;
    for (int kind = 0; kind < OP_COUNT; kind++) {
        verify_result r;
        cases = 0;
        err e = verify_op(&r, &d, (op_kind)kind, VERIFY_QUICK);
        cr_assert(!e || e == ERR_DEVICE, "%s", err_message(e));
    }
    d.vtable = right;
    device_close(&d);
    expect_output("operands.txt", said.text);
    strbuf_free(&said);
}
