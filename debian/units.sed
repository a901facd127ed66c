# From a unit of examples/ to that of the package.
1,/^\[Unit\]/ { /^#/d }
s,/usr/local/bin/popover,/usr/bin/popover,
s,/etc/popover\.toml,/etc/popover/popover.toml,
s,^DynamicUser=yes$,User=popover,
/^Documentation=/d
/^Description=/a Documentation=man:popover(1) file:///usr/share/doc/popover/README.md.gz
# As long as the file names no service, there is nothing to start, and that is no failure.
/^ExecStart=/i ExecCondition=/usr/bin/grep -qs "^[[][[]service[]]" /etc/popover/popover.toml
