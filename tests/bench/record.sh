#!/bin/sh
# record.sh PAGES OUT - records curl fetching PAGES/urls.txt from nginx, between two network
# namespaces joined by a veth pair: MTU 1500, offloads off, so that packets are as on a wire.
# Needs root. Leaves nothing behind, however it ends.
set -eu
pages=$(cd "$1" && pwd) out=$2

client=pktmod-bench-c$$ server=pktmod-bench-s$$
scratch=$(mktemp -d)
pids=
cleanup() {
    for pid in $pids; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    ip netns del "$client" 2>/dev/null || true
    ip netns del "$server" 2>/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

end() { # namespace, address
    ip -n "$1" addr add "$2/24" dev veth0
    ip -n "$1" link set veth0 mtu 1500 up
    ip -n "$1" link set lo up
    ip netns exec "$1" ethtool -K veth0 tx off rx off sg off tso off gso off gro off >/dev/null
}
ip netns add "$client"
ip netns add "$server"
ip -n "$client" link add veth0 type veth peer name veth0 netns "$server"
end "$client" 10.9.0.1
end "$server" 10.9.0.2

cat >"$scratch/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $scratch/pid;
error_log $scratch/error.log;
events {}
http {
    access_log off;
    sendfile on;
    types { text/html html; }
    client_body_temp_path $scratch/body; proxy_temp_path $scratch/proxy; fastcgi_temp_path $scratch/fcgi;
    uwsgi_temp_path $scratch/uwsgi; scgi_temp_path $scratch/scgi;
    server { listen 10.9.0.2:80; root $scratch/root; }
}
CONF
chmod 755 "$scratch"
mkdir "$scratch/root"
cp "$pages"/*.html "$scratch/root"
ip netns exec "$server" nginx -c "$scratch/nginx.conf" -e "$scratch/error.log" &
pids="$pids $!"
ip netns exec "$client" tcpdump -i veth0 -s 0 -B 65536 -Z root -U -w "$scratch/out.pcap" tcp 2>"$scratch/tcpdump.log" &
tcpdump=$!
pids="$pids $tcpdump"

try=0
until grep -q listening "$scratch/tcpdump.log" &&
    ip netns exec "$client" curl -sf -o /dev/null --max-time 2 http://10.9.0.2/1.html; do
    try=$((try + 1))
    [ "$try" -lt 100 ] || exit 1
    sleep 0.1
done

# Eight pages a connection, as a browser does.
sed 's|.*|url = "http://10.9.0.2/&"\noutput = "/dev/null"|' "$pages/urls.txt" >"$scratch/urls"
split -l 16 "$scratch/urls" "$scratch/fetch."
for list in "$scratch"/fetch.*; do
    ip netns exec "$client" curl -sf --max-time 60 -K "$list"
done
sleep 1
kill "$tcpdump"
wait "$tcpdump" || true
grep 'dropped by kernel' "$scratch/tcpdump.log"
mv "$scratch/out.pcap" "$out"
