# As much of OpenWrt's package.mk as ../Makefile needs: make TOPDIR=$PWD/sdk OUT=DIRECTORY fills DIRECTORY/data with the
# package's files, and DIRECTORY/control with what describes it (opkg's own format, which is Debian's).
comma := ,
empty :=
space := $(empty) $(empty)

define BuildPackage
$(eval $(Package/$(1)))
unpacked:
	rm -rf $(OUT) && mkdir -p $(OUT)/data $(OUT)/control
	$(call Package/$(1)/install,$(OUT)/data)
	printf '%s\n' "$$$$CONTROL" >$(OUT)/control/control
	printf '%s\n' "$$$$CONFFILES" >$(OUT)/control/conffiles
unpacked: export CONTROL = $$(control)
unpacked: export CONFFILES = $$(Package/$(1)/conffiles)
endef

define control
Package: $(PKG_NAME)
Version: $(PKG_VERSION)-r$(PKG_RELEASE)
Depends: libc, $(subst $(space),$(comma)$(space),$(subst +,,$(DEPENDS)))
License: $(PKG_LICENSE)
Section: $(SECTION)
Require-User: $(USERID)
Maintainer: $(PKG_MAINTAINER)
Architecture: $(PKGARCH)
Description: $(TITLE)
$(Package/$(PKG_NAME)/description)
endef
