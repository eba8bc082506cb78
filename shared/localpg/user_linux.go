package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// ordinaryUser is the id that root gets inside the namespace.
const ordinaryUser = 1000

// identity is how commands of the cluster are run so that PostgreSQL does not see
// root. The zero value changes nothing.
type identity struct {
	namespace bool
	uid, gid  int // inside the namespace, or of the user to change to
	drop      bool
}

// newIdentity finds out what is possible here. initdb looks its user up in the
// password file, so the id must be one that is listed there.
func newIdentity() (identity, error) {
	if os.Geteuid() != 0 {
		return identity{}, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return identity{}, fmt.Errorf("PostgreSQL refuses to run as root: %w", err)
	}
	nobodyUID, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		return identity{}, fmt.Errorf("read the id of nobody: %w", err)
	}
	nobodyGID, err := strconv.Atoi(nobody.Gid)
	if err != nil {
		return identity{}, fmt.Errorf("read the group of nobody: %w", err)
	}
	inside := identity{namespace: true, uid: ordinaryUser, gid: ordinaryUser}
	if _, err := user.LookupId(strconv.Itoa(ordinaryUser)); err != nil {
		inside.uid, inside.gid = nobodyUID, nobodyGID
	}
	probe := exec.Command("/bin/sh", "-c", ":")
	inside.apply(probe)
	err = probe.Run()
	switch {
	case err == nil:
		return inside, nil
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOSPC):
		return identity{drop: true, uid: nobodyUID, gid: nobodyGID}, nil
	default:
		return identity{}, fmt.Errorf("try a user namespace: %w", err)
	}
}

func (i identity) apply(cmd *exec.Cmd) {
	if !i.namespace && !i.drop {
		return
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if i.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)}
		return
	}
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: i.uid, HostID: 0, Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: i.gid, HostID: 0, Size: 1}}
}

// own gives folder and all in it to the user to change to, and checks that this
// user can get there at all.
func (i identity) own(folder string) error {
	if !i.drop {
		return nil
	}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, i.uid, i.gid)
	})
	if err != nil {
		return fmt.Errorf("give %s to nobody: %w", folder, err)
	}
	probe := exec.Command("/bin/sh", "-c", `cd -- "$1" && test -w .`, "sh", folder)
	i.apply(probe)
	probe.Dir = "/"
	if err := probe.Run(); err != nil {
		return fmt.Errorf("PostgreSQL refuses to run as root, user namespaces are forbidden here, and user nobody "+
			"cannot enter %s: run as an ordinary user or move the folder to where all may enter: %w", folder, err)
	}
	return nil
}
