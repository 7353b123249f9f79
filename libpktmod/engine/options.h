/* options.h - the tcp_options edits of a flow.
 *
 * What is taken off a SYN was never offered: from then on neither end may use it, so it is taken
 * off every later segment of the flow, both ways. Live that changes nothing, because nobody does; a
 * recording shows ends that were offered it. There windows, which were scaled, are written
 * unscaled.
 *
 *     SYN ------> taken off -----------> the other end was not offered it
 *     SYN-ACK     timestamps and window scale stay where the SYN offered them: the end that sends
 *                 this would go on to use them (OPTION_KEPT)
 *
 * It happens before the engine looks at the segment, which so sees what the receiver sees. A view
 * of the SYN's sender shows the SYN as it was sent, and the rest of the flow without the option.
 * Signed segments (TCP-MD5, TCP-AO) are not touched.
 */
#ifndef PM_ENGINE_OPTIONS_H
#define PM_ENGINE_OPTIONS_H

#include "engine/rewriter.h"

void pm_options_edit(struct pm_rewriter *r, struct pm_passage *p);

#endif
