/* tunnel_offload_test.c - what stands in front of packets of a TUN device. */
#include "talk.h"

#include "tunnel-ext/linux/offload.h"

static size_t make(uint8_t *out, int version, size_t payload_len, int udp)
{
    static uint8_t payload[9000];
    struct talk_packet p = {.version = version,
                            .udp = udp,
                            .flags = TALK_ACK,
                            .payload = payload,
                            .payload_len = payload_len};
    return talk_build(&p, out);
}

static void a_super_packet_is_told_with_its_segments_size(void **state)
{
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                                    .gso_size = 1448};
    struct pm_packet packet = {.csum = PM_CSUM_ON_WIRE};
    (void)state;
    pm_offload_read(&header, &packet);
    assert_int_equal(packet.csum, PM_CSUM_PARTIAL);
    assert_int_equal(packet.gso_len, 1448);
    packet = (struct pm_packet){.csum = PM_CSUM_ON_WIRE};
    header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID};
    pm_offload_read(&header, &packet);
    assert_int_equal(packet.csum, PM_CSUM_ON_WIRE);
    assert_int_equal(packet.gso_len, 0);
}

static void what_is_whole_leaves_as_it_is(void **state)
{
    static uint8_t bytes[TALK_PACKET];
    struct pm_offload o;
    size_t len = make(bytes, 4, 100, 0);
    (void)state;
    pm_offload_write(&o, &(struct pm_emitted){.data = bytes, .len = len, .gso_len = 1400});
    assert_int_equal(o.header.flags, 0);
    assert_int_equal(o.header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    assert_int_equal(o.count, 2);
    assert_ptr_equal(o.parts[1].iov_base, bytes);
}

static void what_is_offloaded_says_where_its_checksum_is(void **state)
{
    static uint8_t bytes[TALK_PACKET];
    struct pm_offload o;
    (void)state;
    for (int version = 4; version <= 6; version += 2)
        for (int udp = 0; udp < 2; udp++) {
            size_t len = make(bytes, version, 3000, udp);
            pm_offload_write(
                &o, &(struct pm_emitted){
                        .data = bytes, .len = len, .gso_len = 1400, .csum = PM_CSUM_PARTIAL});
            assert_int_equal(o.header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
            assert_int_equal(o.header.csum_start, version == 4 ? 20 : 40);
            assert_int_equal(o.header.csum_offset, udp ? 6 : 16);
            assert_int_equal(o.header.gso_type, udp            ? VIRTIO_NET_HDR_GSO_NONE
                                                : version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
                                                               : VIRTIO_NET_HDR_GSO_TCPV6);
            assert_int_equal(o.header.gso_size, udp ? 0 : 1400);
            assert_int_equal(o.header.hdr_len, udp ? 0 : (version == 4 ? 40 : 60));
        }
}

/* Whoever completes it adds up the segment with its field: the right checksum, whatever was there.
 */
static void a_whole_checksum_of_a_super_packet_becomes_the_beginning_of_one(void **state)
{
    static uint8_t bytes[TALK_PACKET], joined[TALK_PACKET];
    struct pm_offload o;
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        size_t len = make(bytes, version, 3000, 0), l4 = version == 4 ? 20 : 40, at = 0;
        pm_offload_write(&o, &(struct pm_emitted){.data = bytes, .len = len, .gso_len = 1400});
        assert_int_equal(o.header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
        assert_int_equal(o.count, 3);
        for (int i = 1; i < 3; i++) {
            memcpy(joined + at, o.parts[i].iov_base, o.parts[i].iov_len);
            at += o.parts[i].iov_len;
        }
        assert_int_equal(at, len);
        uint16_t sum = (uint16_t)~talk_sum(joined + l4, len - l4, 0);
        assert_int_equal(sum, talk_get(bytes + l4 + 16, 2));
    }
}

/* With the packet in one part or its headers alone. */
static void a_partial_packet_is_described_by_its_headers(void **state)
{
    static uint8_t bytes[TALK_PACKET], payload[3000];
    (void)state;
    for (int ext = 0; ext <= 24; ext += 8)
        for (int version = 4; version <= 6; version += 2) {
            struct talk_packet p = {.version = version,
                                    .ext = ext,
                                    .flags = TALK_ACK,
                                    .payload = payload,
                                    .payload_len = sizeof payload};
            struct virtio_net_hdr header;
            size_t len = talk_build(&p, bytes), head = len - sizeof payload;
            size_t l4 = version == 4 ? 20 : 40 + (size_t)ext;
            for (size_t head_len = head; head_len <= len; head_len += sizeof payload) {
                pm_offload_describe(bytes, head_len, len, 1400, &header);
                assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
                assert_int_equal(header.csum_start, l4);
                assert_int_equal(header.csum_offset, 16);
                assert_int_equal(header.gso_type, version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
                                                               : VIRTIO_NET_HDR_GSO_TCPV6);
                assert_int_equal(header.gso_size, 1400);
                assert_int_equal(header.hdr_len, head);
                pm_offload_describe(bytes, head_len, len, sizeof payload, &header);
                assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
            }
        }
}

static void a_fragment_or_rubbish_is_left_alone(void **state)
{
    static uint8_t bytes[TALK_PACKET];
    struct pm_offload o;
    size_t len = make(bytes, 4, 3000, 0);
    (void)state;
    bytes[6] = 0x20;
    pm_offload_write(&o, &(struct pm_emitted){
                             .data = bytes, .len = len, .gso_len = 1400, .csum = PM_CSUM_PARTIAL});
    assert_int_equal(o.header.flags, 0);
    pm_offload_write(&o, &(struct pm_emitted){.data = bytes, .len = 3, .csum = PM_CSUM_PARTIAL});
    assert_int_equal(o.header.flags, 0);
    assert_int_equal(o.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_super_packet_is_told_with_its_segments_size),
        cmocka_unit_test(what_is_whole_leaves_as_it_is),
        cmocka_unit_test(what_is_offloaded_says_where_its_checksum_is),
        cmocka_unit_test(a_whole_checksum_of_a_super_packet_becomes_the_beginning_of_one),
        cmocka_unit_test(a_partial_packet_is_described_by_its_headers),
        cmocka_unit_test(a_fragment_or_rubbish_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
