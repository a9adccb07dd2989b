package main

import (
	"crypto/ed25519"
	"encoding/pem"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

// sshServer is a host that takes one key and speaks a handful of commands.
type sshServer struct {
	port    int
	hostKey string
	// The key that the host takes, as PEM.
	clientKey string
	dials     atomic.Int32
}

// What the host's AcceptEnv names.
const acceptedVariable = "GREETING"

func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	must(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	must(t, err)
	return signer, string(pem.EncodeToMemory(block))
}

func authorizedKey(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func startServer(t *testing.T) *sshServer {
	t.Helper()
	host, _ := newKey(t)
	client, clientKey := newKey(t)
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
			if string(offered.Marshal()) != string(client.PublicKey().Marshal()) {
				return nil, io.EOF
			}
			return &ssh.Permissions{}, nil
		},
	}
	config.AddHostKey(host)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	server := &sshServer{
		port:      listener.Addr().(*net.TCPAddr).Port,
		hostKey:   authorizedKey(host.PublicKey()),
		clientKey: clientKey,
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			server.dials.Add(1)
			go serve(conn, config)
		}
	}()
	return server
}

func serve(conn net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		session, requests, err := channel.Accept()
		if err != nil {
			return
		}
		go serveSession(session, requests)
	}
}

func serveSession(session ssh.Channel, requests <-chan *ssh.Request) {
	defer session.Close()
	environment := map[string]string{}
	for request := range requests {
		switch request.Type {
		case "env":
			var variable struct{ Name, Value string }
			_ = ssh.Unmarshal(request.Payload, &variable)
			environment[variable.Name] = variable.Value
			_ = request.Reply(variable.Name == acceptedVariable, nil)
		case "exec":
			var command struct{ Text string }
			_ = ssh.Unmarshal(request.Payload, &command)
			_ = request.Reply(true, nil)
			code := execute(command.Text, environment, session)
			_, _ = session.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
			return
		}
	}
}

func execute(command string, environment map[string]string, session ssh.Channel) uint32 {
	switch command {
	case "cat":
		_, _ = io.Copy(session, session)
	case "greet":
		_, _ = io.WriteString(session, environment[acceptedVariable]+"\n")
	case "fail":
		_, _ = io.WriteString(session.Stderr(), "no such rule\n")
		return 3
	}
	return 0
}
