# What the rule loader stands on beside the library: pktmod::cjson and pktmod::pcap. A target that is
# missing afterwards was not found.
pktmod_find_dependency(cjson libcjson cjson/cJSON.h cjson)
pktmod_find_dependency(pcap libpcap pcap/pcap.h pcap)
