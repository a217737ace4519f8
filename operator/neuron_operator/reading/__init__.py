"""Reading Kubernetes objects: fields, quantities, conditions, what pods say of themselves."""
