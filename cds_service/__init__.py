"""A CDS Hooks service for drug safety in idiopathic inflammatory myopathy (myositis)."""
