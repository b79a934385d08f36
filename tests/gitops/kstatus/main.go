// Judges objects as Flux and kubectl's plugins do: a line with status and file for each file named.
package main

import (
	"fmt"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

func main() {
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		// UnmarshalJSON keeps whole numbers whole; yaml.Unmarshal would make floats of them.
		json, err := yaml.YAMLToJSON(text)
		if err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(json); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		result, err := status.Compute(object)
		if err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		fmt.Println(result.Status, file)
	}
}
