// Factors of products by cooperative matrices: f16, or with BF16 bf16. What an operand's f32 becomes is bf16's
// nearest, whatever the device's own conversion does: it is given numbers that are bf16 already.
#ifdef BF16
#define FACTOR bfloat16_t
#define FACTORS bf16vec4
#include "factor.glsl"
FACTORS round_all(vec4 x) { return FACTORS(uintBitsToFloat(nearest_bf16(floatBitsToUint(x)))); }
FACTOR round_one(float x) { return round_all(vec4(x)).x; }
#else
#define FACTOR float16_t
#define FACTORS f16vec4
FACTORS round_all(vec4 x) { return FACTORS(x); }
FACTOR round_one(float x) { return FACTOR(x); }
#endif
