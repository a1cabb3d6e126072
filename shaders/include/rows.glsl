// Rows of push.hidden numbers, 4 at a time: load_<name>(t, quad) is numbers 4 quad .. 4 quad + 3 of row t, 0
// past its end; store_<name> leaves out what is past the end. No loops.
layout(constant_id = 1) const uint IS_ALIGNED = 0u; // hidden % 4 == 0: 16 bytes at a time

uint quad_count() { return (push.hidden + 3u) / 4u; }
uvec4 channels_of(uint quad) { return quad * 4u + uvec4(0u, 1u, 2u, 3u); }

// x, but 0 past the end of a row
vec4 inside(vec4 x, uint quad) {
    if (IS_ALIGNED != 0u) return x;
    return mix(vec4(0.0), x, lessThan(channels_of(quad), uvec4(push.hidden)));
}

// What a buffer of numbers is called as vectors: <name>4.
#define READ_ROWS(place, name)                                                                     \
    layout(std430, binding = place) readonly buffer scalars_##name { float name[]; };              \
    layout(std430, binding = place) readonly buffer vectors_##name { vec4 name##4[]; };            \
    LOAD_ROWS(name)
#define WRITE_ROWS(place, name)                                                                    \
    layout(std430, binding = place) buffer scalars_##name { float name[]; };                       \
    layout(std430, binding = place) buffer vectors_##name { vec4 name##4[]; };                     \
    STORE_ROWS(name)
#define LOAD_ROWS(name)                                                                            \
    vec4 load_##name(uint t, uint quad) {                                                          \
        uint first = t * push.hidden;                                                              \
        if (IS_ALIGNED != 0u) return name##4[first / 4u + quad];                                   \
        uvec4 i = first + min(channels_of(quad), uvec4(push.hidden - 1u));                         \
        return inside(vec4(name[i.x], name[i.y], name[i.z], name[i.w]), quad);                     \
    }
#define STORE_ROWS(name)                                                                           \
    void store_##name(uint t, uint quad, vec4 x) {                                                 \
        uint first = t * push.hidden;                                                              \
        if (IS_ALIGNED != 0u) {                                                                    \
            name##4[first / 4u + quad] = x;                                                        \
            return;                                                                                \
        }                                                                                          \
        uvec4 c = channels_of(quad);                                                               \
        name[first + c.x] = x.x;                                                                   \
        if (c.y < push.hidden) name[first + c.y] = x.y;                                            \
        if (c.z < push.hidden) name[first + c.z] = x.z;                                            \
        if (c.w < push.hidden) name[first + c.w] = x.w;                                            \
    }
