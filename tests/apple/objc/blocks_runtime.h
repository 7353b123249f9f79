/* blocks_runtime.h - what GNUstep asks for when blocks are on; libBlocksRuntime calls it Block.h.
 */
#include <Block.h>
