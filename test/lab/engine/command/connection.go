package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/retry"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Connection says how to reach a host.
type Connection struct {
	Host               string   `pulumi:"host"`
	Port               *float64 `pulumi:"port,optional"`
	User               *string  `pulumi:"user,optional"`
	PrivateKey         *string  `pulumi:"privateKey,optional" provider:"secret"`
	PrivateKeyPassword *string  `pulumi:"privateKeyPassword,optional" provider:"secret"`
	Password           *string  `pulumi:"password,optional" provider:"secret"`
	// A public key as in authorized_keys. Without one any key is accepted.
	HostKey         *string `pulumi:"hostKey,optional"`
	AgentSocketPath *string `pulumi:"agentSocketPath,optional"`
	// How many dials may fail before the next failure is final; -1 means any number.
	DialErrorLimit *int `pulumi:"dialErrorLimit,optional"`
	// Seconds that a TCP connect may take, 0 for any number. The SSH handshake after it has no limit at all.
	PerDialTimeout *int `pulumi:"perDialTimeout,optional"`
}

// Annotate names the type.
func (c *Connection) Annotate(a infer.Annotator) { a.SetToken("remote", "Connection") }

const (
	defaultPort           = 22
	defaultUser           = "root"
	defaultDialErrorLimit = 10
	defaultPerDialTimeout = 15
	unlimited             = -1
)

func or[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}

func (c *Connection) address() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(int(or(c.Port, defaultPort))))
}

func (c *Connection) clientConfig() (*ssh.ClientConfig, error) {
	config := &ssh.ClientConfig{
		User:            or(c.User, defaultUser),
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Timeout:         time.Duration(or(c.PerDialTimeout, defaultPerDialTimeout)) * time.Second,
	}
	if c.HostKey != nil {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(*c.HostKey))
		if err != nil {
			return nil, fmt.Errorf("failed to parse host key: %w", err)
		}
		config.HostKeyCallback = ssh.FixedHostKey(key)
		// Or the server might offer a key of another type, which could not match.
		config.HostKeyAlgorithms = []string{key.Type()}
	}
	var err error
	config.Auth, err = c.auth()
	return config, err
}

func (c *Connection) auth() ([]ssh.AuthMethod, error) {
	var methods []ssh.AuthMethod
	if c.PrivateKey != nil {
		signer, err := c.signer()
		if err != nil {
			return nil, err
		}
		methods = append(methods, ssh.PublicKeys(signer))
	}
	if c.Password != nil {
		methods = append(methods, ssh.Password(*c.Password), ssh.KeyboardInteractive(
			func(_, _ string, questions []string, _ []bool) ([]string, error) {
				answers := make([]string, len(questions))
				for i := range answers {
					answers[i] = *c.Password
				}
				return answers, nil
			}))
	}
	// An agent that is named but not there is an error, even where a key is given.
	if socket := or(c.AgentSocketPath, os.Getenv("SSH_AUTH_SOCK")); c.AgentSocketPath != nil || socket != "" {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return nil, err
		}
		methods = append(methods, ssh.PublicKeysCallback(agent.NewClient(conn).Signers))
	}
	return methods, nil
}

func (c *Connection) signer() (ssh.Signer, error) {
	if c.PrivateKeyPassword != nil {
		return ssh.ParsePrivateKeyWithPassphrase([]byte(*c.PrivateKey), []byte(*c.PrivateKeyPassword))
	}
	return ssh.ParsePrivateKey([]byte(*c.PrivateKey))
}

// dial connects, again and again: 0.1 s between the first two dials, half as much more each time, 5 s at most (the
// Pulumi SDK's own pace). Every failure counts, a wrong host key and a refused login too. A limit of n makes n+1
// dials.
func (c *Connection) dial(ctx context.Context, show func(string)) (*ssh.Client, error) {
	config, err := c.clientConfig()
	if err != nil {
		return nil, err
	}
	limit := or(c.DialErrorLimit, defaultDialErrorLimit)
	limitText := strconv.Itoa(limit)
	if limit == unlimited {
		limitText = "inf"
	}
	accepted, client, err := retry.Until(ctx, retry.Acceptor{
		Accept: func(failures int, _ time.Duration) (bool, any, error) {
			client, err := ssh.Dial("tcp", c.address(), config)
			if err == nil {
				return true, client, nil
			}
			if limit > unlimited && failures >= limit {
				return false, nil, fmt.Errorf("after %d failed attempts: %w", failures, err)
			}
			show(fmt.Sprintf("Dial %d/%s failed: retrying", failures+1, limitText))
			return false, nil, nil
		},
	})
	if err != nil {
		return nil, err
	}
	if !accepted {
		return nil, ctx.Err()
	}
	return client.(*ssh.Client), nil
}
