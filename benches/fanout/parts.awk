# What the program's time goes into, by part: one sample of `perf script -F comm,ip,sym,dso` at a time, told by what is on its
# stack. See the README's performance section for the commands.
function count(part) { parts[part]++; total++ }
function classify() {
  if (thread == "log-writer") count("log writer: SQLite and its fsync")
  else if (thread == "tokio-rt-worker") count("HTTP: publishes and their answers")
  else if (thread !~ /^streams-/) return
  else if (stack ~ /sys_sendto|sys_write|tcp_sendmsg/) {
    if (stack ~ /sock_def_readable/) count("send: wake the reader")
    else if (stack ~ /tcp_v4_rcv|net_rx_action|__netif_receive_skb/) count("send: the reader's side of loopback")
    else count("send: TCP and IP")
  }
  else if (leaf ~ /kernel/) count("kernel, other: poll, timers, interrupts")
  else count("our code, with its libraries and the allocator")
}
/^$/ { classify(); thread = stack = leaf = ""; next }
thread == "" { thread = $1; next }
{ stack = stack " " $2; if (leaf == "") leaf = $NF }
END {
  classify()
  for (part in parts) printf "%5.1f %%  %s\n", 100 * parts[part] / total, part | "sort -rn"
}
