// What every kernel includes: workgroup size from specialization constant 0, index helpers, and the
// push constants' structs. A dispatch that needs more groups than one axis allows continues on y.
#include "push.h"

layout(local_size_x_id = 0) in;

uint group_index() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
uint global_index() { return group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; }
