# As much of OpenWrt's rules.mk as ../Makefile needs.
INCLUDE_DIR := $(TOPDIR)
INSTALL_DIR := install -d -m 0755
INSTALL_BIN := install -m 0755
INSTALL_CONF := install -m 0600
INSTALL_DATA := install -m 0644
