// A small pooled scanner, as those written in Go are: each address that a file names is shaken hands with, and its chain
// is parsed and held against the roots of a file.
//
// usage: scan SERVER_NAME ROOTS IN_FLIGHT ADDRESSES
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func look(address, name string, roots *x509.CertPool) bool {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	config := &tls.Config{ServerName: name, InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	connection, err := tls.DialWithDialer(dialer, "tcp", address, config)
	if err != nil {
		return false
	}
	defer connection.Close()
	chain := connection.ConnectionState().PeerCertificates
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: intermediates})
	return err == nil
}

func main() {
	pem, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	inFlight, _ := strconv.Atoi(os.Args[3])
	addresses := make(chan string, inFlight)
	var failed atomic.Int64
	var workers sync.WaitGroup
	for i := 0; i < inFlight; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for address := range addresses {
				if !look(address, os.Args[1], roots) {
					failed.Add(1)
				}
			}
		}()
	}
	file, err := os.Open(os.Args[4])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		addresses <- lines.Text()
	}
	close(addresses)
	workers.Wait()
	if failed.Load() > 0 {
		fmt.Fprintln(os.Stderr, failed.Load(), "were not good")
		os.Exit(1)
	}
}
